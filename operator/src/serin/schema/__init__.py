"""The vocabulary of every kind: field types, words that another version may have written, reasons, closed choices."""
