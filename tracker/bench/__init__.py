"""`manage.py bench`: measures the running code, each figure beside its limit taken in the same process."""
