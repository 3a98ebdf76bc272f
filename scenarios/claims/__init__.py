"""One module per claim; each holds a ``scenario`` (:class:`scenarios.registry.Scenario`)."""
