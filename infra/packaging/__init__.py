"""How the functions' asset is made, apart from the CDK: wheels in, one zip out."""
