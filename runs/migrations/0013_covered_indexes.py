from django.db import migrations

from runs.covered import DropCovered


class Migration(migrations.Migration):

    dependencies = [
        ('projects', '0007_covered_indexes'),
        ('runs', '0012_rows_by_number'),
    ]

    operations = [
        DropCovered({
            ('artifact', 'collection'): 'runs_artifact_collection_id_b62d7a83',
            ('artifactcollection', 'project'): 'runs_artifactcollection_project_id_dc9b2f58',
            ('column', 'project'): 'runs_column_project_id_e1eb3c9c',
            ('consoleline', 'run'): 'runs_consoleline_run_id_0d5ea955',
            ('run', 'project'): 'runs_run_project_id_f1a383ab',
            ('runfile', 'run'): 'runs_runfile_run_id_3fec0966',
            ('stream', 'run'): 'runs_stream_run_id_2e092db7',
            ('sweep', 'project'): 'runs_sweep_project_id_b25d329e',
            ('tag', 'run'): 'runs_tag_run_id_58ced571',
        }),
    ]
