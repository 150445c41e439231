"""DynamoDB: what is stored, how it is keyed, and how one decision becomes one commit."""
