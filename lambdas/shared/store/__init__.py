"""DynamoDB: a module per table, and one place for transactions."""
