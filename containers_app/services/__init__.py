"""What the product does. Only these modules change the database: `request_*` in the web, `perform_*` on the agent.

They know `models` and `runtime`, and nothing of HTTP, pages or Celery's machinery.
"""
