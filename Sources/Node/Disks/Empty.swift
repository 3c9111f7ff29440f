enum EmptyDisks {}
