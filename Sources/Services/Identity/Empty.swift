enum EmptyIdentity {}
