"""Data from elsewhere: fetched, checked, unpacked and brought into D4RL's HDF5 layout.

A source is a function `source(files, what, out, **arguments)` that writes one HDF5 file:

    files      what it is made of: the archive or file that was downloaded, a file on this disk, or
               nothing, where the function itself knows where to look
    what       which of it: a member of an archive, a folder, the name of a data set
    out        the file to write; those that are here take None, and then judge headers alone
    arguments  what the configuration gives it besides
    returns    a dictionary for the JSON report beside `out`, or None

The configuration names it, `module:function`; those that are here have short names.
"""

SHORT_NAMES = {
    "fist": "fist.data.sources.release:unpack",
    "relay": "fist.data.sources.release:convert_logs",
    "minari": "fist.data.sources.minari:import_minari",
    "auto": "fist.data.sources.formats:auto",
    "robomimic": "fist.data.sources.formats:robomimic",
    "lerobot": "fist.data.sources.formats:lerobot",
    "zarr": "fist.data.sources.formats:zarr",
    "npz": "fist.data.sources.formats:npz",
}
