enum EmptyDataplane {}
