from django.db import migrations

from runs.covered import DropCovered


class Migration(migrations.Migration):

    dependencies = [
        ('projects', '0006_inbox'),
    ]

    operations = [
        DropCovered({
            ('groupingpreset', 'project'): 'projects_groupingpreset_project_id_e4605ff6',
            ('membership', 'entity'): 'projects_membership_entity_id_11019b26',
            ('panelsettings', 'workspace'): 'projects_panelsettings_workspace_id_966216f1',
            ('readalert', 'user'): 'projects_readalert_user_id_dab15f2f',
            ('undo', 'project'): 'projects_undo_project_id_63e4a4ed',
            ('workspace', 'project'): 'projects_workspace_project_id_3cb021a5',
        }),
    ]
