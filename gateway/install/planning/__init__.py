"""From a listing or a reference and a person's values to an install plan. Decides whether and how; fetches nothing."""
