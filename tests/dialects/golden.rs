//! Exchanges that stand as text: the request, and the whole reply.
