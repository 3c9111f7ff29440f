enum EmptyNetworks {}
