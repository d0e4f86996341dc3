/* A program as Briefcase's stubs are built: an isolated interpreter with its own search path.

   isolated HOME SITE_IMPORT CODE PATH...

   HOME is the prefix of the interpreter, SITE_IMPORT 1 or 0, CODE is what the application runs, and the
   PATHs are the whole of sys.path. */

#include <Python.h>

static PyStatus
configure(PyConfig *config, int argc, char **argv)
{
    PyStatus status;

    config->write_bytecode = 0;
    config->buffered_stdio = 0;
    config->install_signal_handlers = 1;
    config->site_import = argv[2][0] == '1';
    status = PyConfig_SetBytesString(config, &config->home, argv[1]);
    if (PyStatus_Exception(status)) {
        return status;
    }
    status = PyConfig_Read(config);
    if (PyStatus_Exception(status)) {
        return status;
    }
    config->module_search_paths_set = 1;
    status = PyWideStringList_Append(&config->module_search_paths, L"");
    config->module_search_paths.length = 0;
    for (int index = 4; index < argc && !PyStatus_Exception(status); index++) {
        wchar_t *path = Py_DecodeLocale(argv[index], NULL);
        status = PyWideStringList_Append(&config->module_search_paths, path);
        PyMem_RawFree(path);
    }
    return status;
}

int
main(int argc, char **argv)
{
    PyConfig config;
    PyStatus status;

    if (argc < 5) {
        return 2;
    }
    PyConfig_InitIsolatedConfig(&config);
    status = configure(&config, argc, argv);
    if (!PyStatus_Exception(status)) {
        status = Py_InitializeFromConfig(&config);
    }
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status)) {
        Py_ExitStatusException(status);
    }
    int failed = PyRun_SimpleString(argv[3]) != 0;
    return Py_FinalizeEx() < 0 || failed;
}
