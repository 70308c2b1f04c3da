"""How it is said: facts as Korean lines. Pure; the engine is a protocol it is given."""
