# make demo      make .venv where it is missing, then watch a trained policy: a film in results/demo/
#                (ORDER="kettle top_burner slide_cabinet hinge_cabinet": one that it is shown; DEMOS=10)
# make results   make .venv where it is missing, then build results/kitchen_table.csv and new_orders.csv
# make test      make .venv where it is missing, then run the tests
# make setup     only make .venv
# make docs      make .venv where it is missing, then the documentation: site/index.html
#
# Variables: TARGET (any Snakemake target), JOBS (jobs or tests at a time), PYTHON (3.11 or newer),
# SNAKEMAKE_FLAGS (any option, e.g. '--configfile config/paper.yaml'), TORCH (cpu or cuda).
PYTHON ?= python3
VENV   ?= .venv
TARGET ?= $(if $(SNAKEMAKE_FLAGS),all,all results/new_orders.csv)
JOBS   ?= $(shell env -u OMP_NUM_THREADS nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)

# cpu takes PyTorch's small CPU build, cuda what PyPI offers (several GB on Linux).
TORCH     ?= $(if $(shell command -v nvidia-smi 2>/dev/null),cuda,cpu)
TORCH_PIN := $(shell sed -n 's/^\(torch==[^ ;]*\).*/\1/p' constraints.txt)
PYTORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu

PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
export PATH := $(abspath $(VENV))/bin:$(PATH)

.PHONY: setup demo results test docs clean-venv
setup: $(VENV)/.stamp

$(VENV)/.stamp: pyproject.toml constraints.txt d4rl/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
ifeq ($(TORCH),cpu)
	@# one request; where that index is out of reach, the next line takes torch from pip's usual sources
	-$(PIP) install -q --no-deps --retries 0 --index-url $(PYTORCH_CPU_INDEX) '$(TORCH_PIN)'
endif
	$(PIP) install -q -c constraints.txt -e ./d4rl -e '.[cluster,test]'
	touch $@

demo: setup
	@fist demo demo $(if $(ORDER),--order $(ORDER)) $(if $(DEMOS),--demos $(DEMOS))

results: setup
	snakemake $(TARGET) -j$(JOBS) $(SNAKEMAKE_FLAGS)

test: setup
	OMP_NUM_THREADS=1 python -m pytest -q -n $(JOBS) --dist loadfile tests

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict

$(VENV)/.docs: $(VENV)/.stamp
	$(PIP) install -q -c constraints.txt -e '.[docs]'
	touch $@

clean-venv:
	rm -rf $(VENV)
