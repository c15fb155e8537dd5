"""Events: what happened in a visit, told to vendors server to server, and never lost on the way."""
