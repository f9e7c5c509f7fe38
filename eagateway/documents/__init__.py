"""What is generated from the code: OpenAPI, AsyncAPI, schemas, tables and diagrams of the documents.

A test holds the files in docs against it.
"""
