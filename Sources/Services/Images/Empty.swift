enum EmptyImages {}
