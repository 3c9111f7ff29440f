enum EmptyCloud {}
