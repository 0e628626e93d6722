"""The PromotionActions of a ModelDeployment: read by pages, told apart by who said them."""
