"""The socket of `/graphql`: subscriptions by `graphql-transport-ws`, for phones that stay connected."""
