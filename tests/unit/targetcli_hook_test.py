#!/usr/bin/python3 -SB
# SPDX-License-Identifier: GPL-2.0
"""Test the hook of the rbd backstore in rtslib's restore, as targetcli_test.py tests the backstore.
"""

import os
import shutil
import subprocess
import sys
import textwrap
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../lib'))
from targetcli_case import PACKAGES, RTSLIB, SOURCE, WithFolder, main  # noqa: E402


class Hook(WithFolder):
    def setUp(self):
        super().setUp()
        self.site = os.path.join(self.folder, 'dist-packages')
        subprocess.run(['make', '-s', '-C', SOURCE, 'install', 'DESTDIR=' + self.folder, 'PYTHON_DIR=/dist-packages',
                        'PYTHON='], check=True, stdout=subprocess.DEVNULL)

    def python(self, code, *options, package=PACKAGES):
        start = 'import sys, site; site.addsitedir(%r); sys.path.append(%r)\n' % (self.site, package)
        code = textwrap.dedent(code).replace('rtslib_fb', RTSLIB)
        return subprocess.run([sys.executable, '-S', '-B', *options, '-c', start + code],
                              capture_output=True, text=True, timeout=60, cwd=self.folder, check=False)

    def says(self, code, wanted, *options, **kwargs):
        done = self.python(code, *options, **kwargs)
        self.assertEqual((done.stdout.strip(), done.returncode), (wanted, 0), done.stderr)
        return done.stderr

    def test_rtslib_knows_the_class(self):
        errors = self.says('''
            import rtslib_fb
            from rtslib_fb import RBDStorageObject as cls
            from rtslib_fb import tcm
            print(cls.__name__, tcm.so_mapping['rbd'] is cls, tcm.bs_params[cls], issubclass(cls, tcm.StorageObject))
            ''', "RBDStorageObject True {'name': 'rbd'} True")
        self.assertEqual(errors, '')

    @unittest.skipUnless(RTSLIB == 'rtslib_fb' and os.path.isdir(PACKAGES + '/rtslib'), 'there is one name only')
    def test_the_old_package_name(self):
        self.says('''
            import rtslib, rtslib_fb
            print(issubclass(rtslib.RBDStorageObject, rtslib.tcm.StorageObject),
                  issubclass(rtslib.RBDStorageObject, rtslib_fb.tcm.StorageObject))
            ''', 'True False')

    def test_targetcli_has_the_node(self):
        self.says('''
            import targetcli.ui_backstore as ui
            seen = []
            for name in ('PSCSI', 'RDMCP', 'FileIO', 'Block'):
                setattr(ui, 'UI%sBackstore' % name, lambda parent: seen.append('stock'))
            ui.UIBackstores._user_backstores = lambda self: []
            ui.UIBackstore.refresh = lambda self: seen.append(self.name)
            node = object.__new__(ui.UIBackstores)
            configshell = __import__(ui.ExecutionError.__module__.partition('.')[0])
            ui.UINode.__init__(node, 'backstores', shell=ui.UIRBDBackstore and configshell.ConfigShell())
            node.refresh()
            print(seen, sorted(child.name for child in node._children))
            ''', "['stock', 'stock', 'stock', 'stock', 'rbd'] ['rbd']")

    def test_loader_and_file_are_untouched(self):
        self.says('''
            import rtslib_fb.tcm, inspect
            print(type(rtslib_fb.tcm.__loader__).__name__, rtslib_fb.tcm.__file__,
                  'class StorageObject' in inspect.getsource(rtslib_fb.tcm))
            ''', 'SourceFileLoader %s/%s/tcm.py True' % (PACKAGES, RTSLIB))

    def test_reload_and_late_installation(self):
        self.says('''
            import importlib, rtslib_fb.tcm
            importlib.reload(rtslib_fb.tcm)
            print('rbd' in rtslib_fb.tcm.so_mapping)
            ''', 'True')
        self.says('''
            sys.meta_path[:] = [f for f in sys.meta_path if 'target_core_rbd' not in type(f).__module__]
            import rtslib_fb.tcm
            before = 'rbd' in rtslib_fb.tcm.so_mapping
            import target_core_rbd.hook as hook
            hook.install(); hook.install()
            print(before, 'rbd' in rtslib_fb.tcm.so_mapping, sum(type(f) is hook.Finder for f in sys.meta_path))
            ''', 'False True 1')

    def test_two_finders_of_this_kind(self):
        self.says('''
            import target_core_rbd.hook as hook
            sys.meta_path.insert(0, hook.Finder())
            import rtslib_fb
            print('rbd' in rtslib_fb.tcm.so_mapping)
            ''', 'True')

    def test_other_programs_load_nothing_of_it(self):
        self.says('''
            import json, email.parser
            print(sorted(name for name in sys.modules if name.startswith('target_core_rbd')), 'subprocess' in sys.modules)
            ''', "['target_core_rbd', 'target_core_rbd.hook'] False")

    def test_another_rbd_in_rtslib(self):
        # as SUSE has it: a class of rtslib's own, and the node in targetcli
        patch = '''
            class RBDStorageObject(BlockStorageObject):
                def __init__(self, name, dev=None, index=None):
                    pass
            bs_params[RBDStorageObject] = {'name': 'rbd', 'alt_dirs': 'rbd'}
            so_mapping['rbd'] = RBDStorageObject
            '''
        for package in (RTSLIB, 'targetcli'):
            shutil.copytree(os.path.join(PACKAGES, package), os.path.join(self.folder, 'suse', package))
        with open(os.path.join(self.folder, 'suse', RTSLIB, 'tcm.py'), 'a', encoding='utf-8') as file:
            file.write(textwrap.dedent(patch))
        for lines, words in (('', "'rbd' in rtslib is another backstore"),
                             ('class UIRBDBackstore(UIBackstore):\n    pass\n', "'rbd' in rtslib is another backstore")):
            with open(os.path.join(self.folder, 'suse', 'targetcli', 'ui_backstore.py'), 'a', encoding='utf-8') as file:
                file.write(lines)
            errors = self.says('''
                sys.path.insert(0, 'suse')
                import rtslib_fb.tcm as tcm, targetcli.ui_backstore as ui
                print(tcm.__file__.startswith('suse') or '/suse/' in tcm.__file__, tcm.so_mapping['rbd'].__module__,
                      hasattr(ui, 'UIRBDStorageObject'))
                ''', 'True %s.tcm False' % RTSLIB)
            self.assertIn("this rtslib has a backstore 'rbd' of its own", errors)
            self.assertIn(words, errors)

    def test_missing_rtslib_fails_as_ever(self):
        done = self.python('import rtslib_fb.tcm', package='/nowhere')
        self.assertEqual(done.stderr.splitlines()[-1], "ModuleNotFoundError: No module named '%s'" % RTSLIB)

    def test_error_in_rtslib_is_not_hidden(self):
        self.write('broken/%s/__init__.py' % RTSLIB, '')
        self.write('broken/%s/tcm.py' % RTSLIB, 'raise RuntimeError("its own fault")\n')
        done = self.python('import rtslib_fb.tcm', package=self.folder + '/broken')
        self.assertEqual(done.stderr.splitlines()[-1], 'RuntimeError: its own fault')

    def test_broken_backstore_does_not_break_rtslib(self):
        for text in ('syntax error', 'import no_such_module', 'raise SystemError("x")', 'register = None'):
            self.write('dist-packages/target_core_rbd/backstore.py', text + '\n')
            errors = self.says('import rtslib_fb; print(len(rtslib_fb.tcm.so_mapping) >= 7)', 'True')
            self.assertIn('the rbd backstore is not available in %s.tcm' % RTSLIB, errors)
            self.says('import rtslib_fb; print(1)', '1', '-W', 'error')

    def test_broken_hook_does_not_break_python(self):
        for text in ('syntax error', 'raise SystemError("x")', ''):
            self.write('dist-packages/target_core_rbd/hook.py', text + '\n')
            self.assertEqual(self.says('import rtslib_fb; print(1)', '1'), '')
        shutil.rmtree(self.site + '/target_core_rbd')
        self.assertEqual(self.says('import rtslib_fb; print(1)', '1'), '')

    def test_costs_little(self):
        # Every Python program of the machine pays for the hook. It loads nothing but itself. For
        # every other module it executes two lines: a comparison and a return.
        self.says('''
            import sys
            hook = sys.modules['target_core_rbd.hook']
            searches, lines = [], []

            class Counter:
                @staticmethod
                def find_spec(name, path=None, target=None):
                    searches.append(name)

            def trace(frame, event, arg):
                if frame.f_code.co_filename != hook.__file__:
                    return None
                if event == 'line':
                    lines.append(frame.f_lineno)
                return trace

            sys.meta_path.insert(0, Counter)
            sys.settrace(trace)
            import json.tool, email.parser, xml.dom.minidom
            sys.settrace(None)
            print(len(searches) > 20, len(lines) == 2 * len(searches))
            ''', 'True True')

    def test_install_and_uninstall(self):
        def files():
            return sorted(os.path.relpath(os.path.join(folder, name), self.folder)
                          for folder, _, names in os.walk(self.folder) for name in names)

        installed = files()
        for name in ('dist-packages/target_core_rbd.pth', 'dist-packages/target_core_rbd/hook.py',
                     'usr/lib/modules-load.d/target_core_rbd.conf'):
            self.assertIn(name, installed)
        subprocess.run(['make', '-s', '-C', SOURCE, 'uninstall', 'DESTDIR=' + self.folder,
                        'PYTHON_DIR=/dist-packages'], check=True)
        self.assertEqual(files(), [])


if __name__ == '__main__':
    sys.exit(main(sys.modules[__name__]))
