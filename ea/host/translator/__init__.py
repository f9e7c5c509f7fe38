"""MQL to C++17: lexer, sources, lint, rewriting, printing."""
