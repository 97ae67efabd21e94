"""Addresses. One name, five places: view function, URL name, template, test file and the page's `<main>` id."""

from django.urls import path

from containers_app import signals
from containers_app.views import account, audit, checkpoints, containers, hosts, images, operations, search

urlpatterns = [
    path("", containers.container_list, name="container_list"),
    path("containers/new/", containers.container_create, name="container_create"),
    path("containers/sample/", containers.sample_run, name="sample_run"),
    path("containers/<int:pk>/", containers.container_detail, name="container_detail"),
    path("containers/<int:pk>/checkpoint/", containers.container_checkpoint, name="container_checkpoint"),
    path(
        "containers/<int:pk>/checkpoint-image/",
        containers.container_checkpoint_image,
        name="container_checkpoint_image",
    ),
    path("containers/<int:pk>/start/", containers.container_start, name="container_start"),
    path("containers/<int:pk>/stop/", containers.container_stop, name="container_stop"),
    path("containers/<int:pk>/restart/", containers.container_restart, name="container_restart"),
    path("containers/<int:pk>/pause/", containers.container_pause, name="container_pause"),
    path("containers/<int:pk>/unpause/", containers.container_unpause, name="container_unpause"),
    path("containers/<int:pk>/kill/", containers.container_kill, name="container_kill"),
    path("containers/<int:pk>/remove/", containers.container_remove, name="container_remove"),
    path("containers/<int:pk>/log/", containers.container_log, name="container_log"),
    path("containers/<int:pk>/environment/", containers.container_environment, name="container_environment"),
    path("catalog/", checkpoints.checkpoint_list, name="checkpoint_list"),
    path("catalog/<int:pk>/", checkpoints.checkpoint_detail, name="checkpoint_detail"),
    path("catalog/<int:pk>/restore/", checkpoints.checkpoint_restore, name="checkpoint_restore"),
    path("catalog/<int:pk>/download/", checkpoints.checkpoint_download, name="checkpoint_download"),
    path("operations/", operations.operation_list, name="operation_list"),
    path("operations/tray/", operations.operation_tray, name="operation_tray"),
    path("operations/<int:pk>/", operations.operation_detail, name="operation_detail"),
    path("operations/<int:pk>/cancel/", operations.operation_cancel, name="operation_cancel"),
    path("audit/", audit.audit_list, name="audit_list"),
    path("audit/export/", audit.audit_export, name="audit_export"),
    path("audit/evidence/", audit.audit_evidence, name="audit_evidence"),
    path("audit/verify/", audit.audit_verify, name="audit_verify"),
    path("images/", images.image_list, name="image_list"),
    path("images/<int:pk>/restore/", images.image_restore, name="image_restore"),
    path("hosts/", hosts.host_list, name="host_list"),
    path("hosts/<int:pk>/", hosts.host_detail, name="host_detail"),
    path("search/", search.search, name="search"),
    path("events/", signals.event_stream, name="event_stream"),
    path("sign-in/", account.sign_in, name="sign_in"),
    path("sign-out/", account.sign_out, name="sign_out"),
]
