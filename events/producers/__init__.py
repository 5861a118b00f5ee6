"""The declaration of producers: their rights, ownership and secrets."""
