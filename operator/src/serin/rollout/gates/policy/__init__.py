"""Gates of the policy: hold until what the policy's author asks for before a forward move is so."""
