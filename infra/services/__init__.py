"""Services: the functions behind the API and the deployment."""
