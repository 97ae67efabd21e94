"""Signing in and out. Django's own views with our templates; knows nothing of containers."""

from django.contrib.auth import views

sign_in = views.LoginView.as_view(
    template_name="sign_in.html", redirect_authenticated_user=True, extra_context={"page": "sign_in"}
)
sign_out = views.LogoutView.as_view()
