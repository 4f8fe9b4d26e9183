"""The sources that have short names in the configuration."""

SHORT_NAMES = {
    "fist": "fist.data.sources.release:unpack",
    "relay": "fist.data.sources.release:convert_logs",
    "minari": "fist.data.sources.minari:import_minari",
}
