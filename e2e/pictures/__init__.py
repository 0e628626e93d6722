"""Pictures of the shipped Grafana dashboards, drawn from their own queries where there is no Grafana."""
