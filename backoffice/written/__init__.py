"""How settings of many parts are written as text by people, and read: pairs, and filters one a line."""
