"""Data from elsewhere: fetched, checked, unpacked and brought into D4RL's HDF5 layout.

download    a file from the first of several URLs that has it, checked and kept in a cache
transfer    one URL: resumed after breaks, patient but not forever
pages       web pages that come instead of data, Google Drive's above all
checks      size, checksum and format of what came; checksums seen first, in a lock file
archive     members of a zip archive, without its tricks
pickles     lists of arrays in pickles, without running what else is in them
release     members of the FIST release's archives
logs        folders of raw logs in an archive, handed to a converter
minari      Minari data sets, in and out
"""
