"""What the review page says: the picks as decisions have left them, what they would do, and what is new in them."""

from oddloop.web.queries.review.review import Review, ReviewAsked, ReviewPick, Spent, read_review, spent_of

__all__ = ["Review", "ReviewAsked", "ReviewPick", "Spent", "read_review", "spent_of"]
