"""What a spec may ask for: rules that hold before a rollout begins, whatever its evidence."""
