DRAWS: dict = {}
