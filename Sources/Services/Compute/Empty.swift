enum EmptyCompute {}
