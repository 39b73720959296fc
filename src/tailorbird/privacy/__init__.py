"""What people may ask of a shop that knows them: to be shown what is kept, and to be forgotten."""
