enum EmptyPlacement {}
