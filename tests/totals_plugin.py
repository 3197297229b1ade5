"""A pytest plugin: --totals=FILE leaves the line `N passed, N failed, N skipped` there."""


def pytest_addoption(parser):
    parser.addoption("--totals", help="file for the totals")


def pytest_sessionfinish(session):
    path = session.config.getoption("totals")
    if not path or hasattr(session.config, "workerinput"):
        return
    stats = session.config.pluginmanager.getplugin("terminalreporter").stats
    passed, skipped = len(stats.get("passed", [])), len(stats.get("skipped", []))
    failed = len(stats.get("failed", [])) + len(stats.get("error", []))
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{passed} passed, {failed} failed, {skipped} skipped\n")
