from django.urls import path

from projects.views import account, download, layout, lists, panels, run, saved_views, sign_in, summary_plot, workspace

urlpatterns = [
    path("", lists.project_list, name="project-list"),
    path("sign-in", sign_in.sign_in, name="sign-in"),
    path("sign-in/<str:token>", sign_in.sign_in_link, name="sign-in-link"),
    path("sign-out", sign_in.sign_out, name="sign-out"),
    path("theme", account.theme, name="theme"),
    path("account", account.account, name="account"),
    path("account/keys", account.key_create, name="api-key-create"),
    path("account/keys/<int:key_id>/revoke", account.key_revoke, name="api-key-revoke"),
    path("account/password", account.password, name="account-password"),
    path("authorize", account.authorize, name="authorize"),
    path("<str:entity>", lists.entity, name="entity"),
    path("<str:entity>/<str:project>", workspace.workspace, name="project"),
    path("<str:entity>/<str:project>/group-by", workspace.group_by, name="group-by"),
    path("<str:entity>/<str:project>/version", workspace.version, name="project-version"),
    path("<str:entity>/<str:project>/line-plot", panels.figure, name="line-plot"),
    path("<str:entity>/<str:project>/line-plot.csv", download.line_plot_csv, name="line-plot-csv"),
    path("<str:entity>/<str:project>/summary-plot", summary_plot.summary_plot, name="summary-plot"),
    path("<str:entity>/<str:project>/summary-plot.csv", summary_plot.summary_plot_csv, name="summary-plot-csv"),
    path("<str:entity>/<str:project>/panels", layout.panels, name="panels"),
    path("<str:entity>/<str:project>/views", saved_views.views, name="views"),
    path("<str:entity>/<str:project>/line-plot/settings", panels.settings, name="line-plot-settings"),
    path("<str:entity>/<str:project>/runs/<str:run>", run.run, name="run"),
    path("<str:entity>/<str:project>/runs/<str:run>/console", run.console, name="run-console"),
    path("<str:entity>/<str:project>/runs/<str:run>/version", run.version, name="run-version"),
]
