"""What a terminal and a shell need: layout, completion, the plugin of kubectl."""
