"""What services that send mail in campaigns have in common."""
