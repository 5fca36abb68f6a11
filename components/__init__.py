"""Components of the fleet: one thin spec and one implementation per cloud for each noun."""
