"""The nodes that come with lovebird: each module is a plugin like any other."""
