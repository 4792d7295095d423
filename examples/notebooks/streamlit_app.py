"""Asks for notebooks and stops them: the page of the app in Python, with Streamlit."""

import stormkite
import streamlit as st

st.set_page_config(page_title="Notebooks", page_icon=":material/bolt:")

app = stormkite.connect(name="Streamlit")
state = app.state


@st.fragment(run_every="1s")
def notebooks():
    """The list, read again every second: notebooks get ready, and others use the app too."""
    requests = state.jupyterConfigRequests
    st.subheader("Notebooks")
    if not requests:
        st.caption("Nobody has one yet.")
    for index, config in enumerate(requests):
        username, problem = config["username"], config.get("problem")
        with st.container(border=True):
            about, link, stop = st.columns([3, 1, 1], vertical_alignment="center")
            about.write(f"**{username}** · {'GPU' if config['useGpu'] else 'CPU'}")
            if problem:
                about.error(problem)
            elif not config["token"]:
                about.caption("starting …")
            else:
                work = f"root.jupyterWorks.{username}"
                link.link_button("Open", f"../../works/{work}/lab?token={config['token']}")
            if stop.button("Remove" if problem else "Stop", key=f"stop-{index}-{username}"):
                # Written only if this entry is still the one that is shown.
                config["stop"] = True
                state.jupyterConfigRequests = requests
                st.rerun(scope="fragment")


def create(username, use_gpu):
    new_config = [{"useGpu": use_gpu, "token": None, "username": username, "stop": False}]
    state.jupyterConfigRequests = state.jupyterConfigRequests + new_config


st.title("Notebooks")
with st.form("create", border=False, clear_on_submit=True):
    name, hardware, button = st.columns([3, 1, 2], vertical_alignment="bottom")
    username = name.text_input("Username", placeholder="ada", max_chars=32)
    use_gpu = hardware.checkbox("Use GPU")
    if button.form_submit_button("Create Jupyter Notebook", type="primary") and username:
        create(username, use_gpu)

try:
    notebooks()
except stormkite.Conflict:
    st.warning("Somebody else changed the list at the same time; nothing was written. Try again.")
