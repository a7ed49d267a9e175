"""Making tensors: from data, by filling and counting, by chance; other dtypes; questions."""
