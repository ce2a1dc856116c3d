"""Mail of one's own: what both ways of carrying it, SMTP and Maildir, have in common."""
