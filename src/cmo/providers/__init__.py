"""The network edge: clients return domain models and raise `ProviderError`."""
