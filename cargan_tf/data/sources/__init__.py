"""The layouts of data that can be read: Sub-URMP, URMP, videos, CSV files, reference lists, class
folders."""
