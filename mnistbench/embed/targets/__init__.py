"""One file for each kind of kit: which files it has, as a function of the model and the golden answers."""
