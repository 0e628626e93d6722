"""The parts of a PromotionPolicy that have rules of their own."""
