"""A model of migrations of 10 GB to 10 TB, and the measurements that it is based on."""
