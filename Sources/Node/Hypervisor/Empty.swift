enum EmptyHypervisor {}
